import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { isSignInPutOff, signInWanted, token } from '../state/api.ts';
import { Dialog } from '../parts/dialog.tsx';
import { isRenewing } from '../state/expiry.ts';
import { askIssuer, issuer, refreshToken, signInThere } from '../state/issuer.ts';

/** Asks for a token in a dialog, so that a draft underneath survives. Shown only when the API answers 401. */
export function SignIn() {
  const isWanted = signInWanted.value !== 'no';
  const isAsked = isRenewing.value || (isWanted && !isSignInPutOff.value && refreshToken.value === undefined);
  useEffect(() => {
    if (isAsked) void askIssuer();
  }, [isAsked]);
  return (
    <Dialog
      isOpen={isAsked && issuer.value !== undefined}
      title="Sign in"
      onClose={() => {
        isRenewing.value = false;
        isSignInPutOff.value = isWanted;
      }}
    >
      {typeof issuer.value === 'string' ? (
        <div class="stack">
          <AtIssuer name={issuer.value} />
          <details>
            <summary>Use a token instead</summary>
            <WithToken />
          </details>
        </div>
      ) : (
        <WithToken />
      )}
    </Dialog>
  );
}

/** The issuer's form opens in a separate window, and this page continues when that window reports back. */
function AtIssuer({ name }: { readonly name: string }) {
  const isWaiting = useSignal(false);
  const refusal = useSignal<string | undefined>(undefined);
  const attempt = useRef(new AbortController());
  useEffect(() => () => attempt.current.abort(), []);
  const go = async (): Promise<void> => {
    // A user who closed or lost that window can start again.
    attempt.current.abort();
    const { signal } = (attempt.current = new AbortController());
    isWaiting.value = true;
    refusal.value = undefined;
    try {
      await signInThere(signal);
      isRenewing.value = false;
    } catch (error) {
      if (!signal.aborted) refusal.value = (error as Error).message;
    } finally {
      if (!signal.aborted) isWaiting.value = false;
    }
  };
  return (
    <>
      <p>Sign in to continue.</p>
      {refusal.value !== undefined && (
        <p class="error" role="alert">
          {refusal.value}
        </p>
      )}
      <div class="actions">
        <button type="button" class="primary" onClick={() => void go()}>
          Sign in with {name}
        </button>
      </div>
      <p class="hint" aria-live="polite">
        {isWaiting.value && 'Continue in the window that was opened.'}
      </p>
    </>
  );
}

function WithToken() {
  const given = useSignal('');
  const input = useRef<HTMLInputElement>(null);
  const refused = signInWanted.value === 'refused';
  const isInstead = typeof issuer.value === 'string';
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = given.value.trim().replace(/^(bearer|token)\s+/i, '');
    if (text === '') return input.current?.focus();
    given.value = '';
    refreshToken.value = undefined;
    // Entering the same token again must send it again.
    if (token.value === text) token.value = '';
    token.value = text;
    isRenewing.value = false;
  };
  return (
    <form onSubmit={submit} class="stack">
      <p>{!isInstead && 'Enter an access token. '}It is kept only until you close this tab.</p>
      <div class="field">
        <label for="token">Token</label>
        <input
          ref={input}
          id="token"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          value={given.value}
          onInput={(event) => (given.value = event.currentTarget.value)}
          aria-invalid={refused}
          aria-describedby={refused ? 'token-error token-hint' : 'token-hint'}
        />
        {refused && (
          <p class="error" id="token-error">
            That token was refused: it may have expired, or belong to another system.
          </p>
        )}
        <p class="hint" id="token-hint">
          {!isInstead && (
            <>
              Create one with <code>npx --no-install ssrms token</code>.{' '}
            </>
          )}
          The token needs the scopes rules:read, rules:write and alarms:read.
        </p>
      </div>
      <div class="actions">
        <button type="submit" class={isInstead ? '' : 'primary'}>
          {isInstead ? 'Use this token' : 'Sign in'}
        </button>
      </div>
    </form>
  );
}

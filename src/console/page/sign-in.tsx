import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { isSignInPutOff, signInWanted, token } from './api.ts';
import { Dialog } from './dialog.tsx';
import { isRenewing } from './expiry.ts';

/** Asks for a token over whatever is being done, so that a draft underneath survives. Shown only when the API says 401. */
export function SignIn() {
  const given = useSignal('');
  const input = useRef<HTMLInputElement>(null);
  const isWanted = signInWanted.value !== 'no';
  const refused = signInWanted.value === 'refused';
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = given.value.trim().replace(/^(bearer|token)\s+/i, '');
    if (text === '') return input.current?.focus();
    given.value = '';
    // The same token again must be tried again too.
    if (token.value === text) token.value = '';
    token.value = text;
    isRenewing.value = false;
  };
  return (
    <Dialog
      isOpen={isRenewing.value || (isWanted && !isSignInPutOff.value)}
      title="Sign in"
      onClose={() => {
        isRenewing.value = false;
        isSignInPutOff.value = isWanted;
      }}
    >
      <form onSubmit={submit} class="stack">
        <p>This system asks for a token. It stays in this tab's memory, and is gone when the tab is closed.</p>
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
            Make one with <code>ssrms token</code>. It needs the scopes rules:read, rules:write and alarms:read.
          </p>
        </div>
        <div class="actions">
          <button type="submit" class="primary">
            Sign in
          </button>
        </div>
      </form>
    </Dialog>
  );
}

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { isSignInPutOff, signInWanted, token } from './api.ts';
import { DemoBar } from './demo-bar.tsx';
import { Dialog } from './dialog.tsx';
import { areKeysOn, isHelpOpen, keyTable, setKeys } from './keys.ts';
import { connection, isStale, refusal, status } from './live.ts';
import { Notices } from './notices.tsx';
import { addressOf, route, type Route } from './router.ts';
import { navigation, screenOf, titleOf } from './screens.tsx';
import { SignIn } from './sign-in.tsx';
import { ThemeButton } from './theme.tsx';
import { Announcer } from './announcer.tsx';

export function App() {
  const shown = route.value;
  useTitle(shown);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          // The address after # is the router's.
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        Skip to the content
      </a>
      <Header shown={shown} />
      <main id="main" tabIndex={-1} class={`${isStale.value ? 'stale' : ''} screen-${shown.screen}`}>
        {refusal.value !== undefined && (
          <p class="banner" role="alert">
            {refusal.value}. Sign in with another token to see this page.
          </p>
        )}
        <DemoBar />
        {screenOf(shown).show(shown)}
      </main>
      <Notices />
      <Announcer />
      <SignIn />
      <Help />
    </>
  );
}

function Header({ shown }: { readonly shown: Route }) {
  const count = status.value?.alarms.firing ?? 0;
  return (
    <header class="top">
      <div class="top-inner">
        <a class="brand" href={addressOf({ screen: 'now' })} aria-label="SSRMS, to what is firing now">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="9" />
            <path d="M5 17h5l3-8 5 15 4-10 1.5 3H27" />
          </svg>
          <span>SSRMS</span>
        </a>
        <nav aria-label="Screens">
          {navigation.map(({ name, to }) => (
            <NavLink key={name} to={to} isCurrent={screenOf(shown).under === name}>
              {titleOf(name)}
              {name === 'now' && count > 0 && (
                <span class="badge">
                  {count}
                  <span class="for-ears"> firing</span>
                </span>
              )}
            </NavLink>
          ))}
        </nav>
        <div class="top-end">
          <ConnectionChip />
          <ThemeButton />
          <button
            type="button"
            class="quiet icon"
            aria-label="Keyboard shortcuts"
            title="Keyboard shortcuts"
            onClick={() => (isHelpOpen.value = true)}
          >
            <span aria-hidden="true">?</span>
          </button>
          {signInWanted.value !== 'no' && (
            <button type="button" onClick={() => (isSignInPutOff.value = false)}>
              Sign in
            </button>
          )}
          {token.value !== '' && signInWanted.value === 'no' && (
            <button type="button" class="quiet" onClick={() => (token.value = '')}>
              Sign out
            </button>
          )}
        </div>
      </div>
    </header>
  );
}

function NavLink({ to, isCurrent, children }: { to: Route; isCurrent: boolean; children: ComponentChildren }) {
  return (
    <a href={addressOf(to)} aria-current={isCurrent ? 'page' : undefined}>
      {children}
    </a>
  );
}

const chipWords = { starting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting', 'signed-out': 'Signed out' };

function ConnectionChip() {
  const now = connection.value;
  const word = now.state === 'stale' ? 'Stale' : chipWords[now.state];
  return (
    <span class={`chip chip-${now.state}`} title="Whether what you see is what is">
      <span class="dot" aria-hidden="true" />
      <span class="chip-word">{word}</span>
      {now.state === 'stale' && (
        <span class="chip-seconds" aria-hidden="true">
          {now.seconds} s
        </span>
      )}
    </span>
  );
}

function Help() {
  return (
    <Dialog isOpen={isHelpOpen.value} title="Keyboard shortcuts" onClose={() => (isHelpOpen.value = false)}>
      <dl class="keys">
        {keyTable.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input type="checkbox" checked={areKeysOn.value} onChange={(event) => setKeys(event.currentTarget.checked)} />
        Single keys are on
      </label>
      <div class="actions">
        <button type="button" class="primary" onClick={() => (isHelpOpen.value = false)}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

/** The tab says how many alarms fire, and a new screen begins at its heading, for ears too. */
function useTitle(shown: Route): void {
  const count = status.value?.alarms.firing ?? 0;
  const name = screenOf(shown).title;
  useEffect(() => {
    document.title = `${count > 0 ? `(${count}) ` : ''}${name} · SSRMS`;
  }, [count, name]);
  const place = 'id' in shown ? `${shown.screen} ${shown.id}` : shown.screen;
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    if (isFirst.current) isFirst.current = false;
    else {
      scrollTo(0, 0);
      const main = document.getElementById('main')!;
      (main.querySelector<HTMLElement>('[data-first]') ?? main.querySelector('h1') ?? main).focus();
    }
  }, [place]);
}

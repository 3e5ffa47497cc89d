import * as css from './app.module.css';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { isSignInPutOff, signInWanted, token } from './state/api.ts';
import { isRenewing, leftMs } from './state/expiry.ts';
import { refreshToken } from './state/issuer.ts';
import { DemoBar } from './frame/demo-bar.tsx';
import { Dialog } from './parts/dialog.tsx';
import { areKeysOn, isHelpOpen, isPaletteOpen, keyTable, setKeys } from './state/keys.ts';
import { LateBanner } from './frame/late-banner.tsx';
import { connection, isStale, refusal, status } from './state/live.ts';
import { Notices } from './parts/notices.tsx';
import { addressOf, route, type Route } from './state/router.ts';
import { screenOf } from './screens.tsx';
import { navigation, titleOf } from './state/navigation.ts';
import { SignIn } from './frame/sign-in.tsx';
import { lazy } from './parts/lazy.tsx';
import { isPaused } from './state/pause.ts';
import { ThemeButton } from './frame/theme.tsx';
import { clockLeft } from './words/time-text.ts';
import { setZone, zone } from './words/zone.ts';
import { Announcer } from './frame/announcer.tsx';

const Palette = lazy(async () => (await import('./later.ts')).Palette);

export function App() {
  const shown = route.value;
  useTitle(shown);
  return (
    <>
      <a
        class={css.skip}
        data-part="skip"
        href="#main"
        onClick={(event) => {
          // The router owns the part of the address after #.
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        Skip to the content
      </a>
      <Header shown={shown} />
      <main id="main" tabIndex={-1} class={isStale.value ? 'stale' : undefined} data-screen={shown.screen}>
        {refusal.value !== undefined && (
          <p class="banner" role="alert">
            {refusal.value}. Sign in with another token to see this page.
          </p>
        )}
        <LateBanner />
        {isReadOnly() ? (
          <p class={css.readOnly}>This console is read-only: rules are changed elsewhere.</p>
        ) : (
          <DemoBar />
        )}
        {screenOf(shown).show(shown)}
      </main>
      <Notices />
      <Announcer />
      <SignIn />
      <Help />
      {isPaletteWanted() && <Palette />}
    </>
  );
}

/** Controls that change something have the class `writes`; a view-only console hides them. */
function isReadOnly(): boolean {
  const is = status.value?.read_only === true;
  document.documentElement.classList.toggle('only-reads', is);
  return is;
}

function Header({ shown }: { readonly shown: Route }) {
  const count = status.value?.alarms.firing ?? 0;
  return (
    <header class={css.top}>
      <div class={css.topInner}>
        <a class={css.brand} href={addressOf({ screen: 'now' })} aria-label="SSRMS, go to Now">
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
                <span class={css.badge} data-part="badge">
                  {count}
                  <span class="visually-hidden"> firing</span>
                </span>
              )}
            </NavLink>
          ))}
        </nav>
        <div class={css.topEnd}>
          <ConnectionChip />
          <PauseButton />
          <ZoneButton />
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
          <Expiry />
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

let wasPaletteOpen = false;

/** Its code is loaded on first use, and kept. */
function isPaletteWanted(): boolean {
  wasPaletteOpen ||= isPaletteOpen.value;
  return wasPaletteOpen;
}

function PauseButton() {
  const label = isPaused.value ? 'Resume live data and motion' : 'Pause live data and motion';
  return (
    <button
      type="button"
      class="quiet icon"
      aria-label={label}
      title={label}
      onClick={() => (isPaused.value = !isPaused.value)}
    >
      <span aria-hidden="true">{isPaused.value ? '▶' : '❚❚'}</span>
    </button>
  );
}

function ZoneButton() {
  const isUtc = zone.value === 'UTC';
  const label = isUtc
    ? 'Times: UTC. Change to this computer’s zone'
    : 'Times: this computer’s local zone. Change to UTC';
  return (
    <button
      type="button"
      class={`quiet icon ${css.zone}`}
      aria-label={label}
      title={label}
      onClick={() => setZone(isUtc ? 'local' : 'UTC')}
    >
      <span aria-hidden="true">{isUtc ? 'UTC' : 'Local'}</span>
    </button>
  );
}

/** How long the session lasts, once it ends soon. Signing in again opens a dialog over the current screen. */
function Expiry() {
  const left = leftMs.value;
  if (left === undefined || refreshToken.value !== undefined || signInWanted.value !== 'no') return null;
  return (
    <button type="button" class={`small ${css.expiry}`} data-part="expiry" onClick={() => (isRenewing.value = true)}>
      Signed in for {clockLeft(left)}
      <span class="visually-hidden">: sign in again</span>
    </button>
  );
}

// The icon of a background tab must not claim that all is well when that is not known.
const okIcon = document.querySelector<HTMLLinkElement>('link[rel=icon]')!.href;
const firingIcon = new URL('./favicon-firing.svg', import.meta.url).href;
const unknownIcon = new URL('./favicon-unknown.svg', import.meta.url).href;

function NavLink({ to, isCurrent, children }: { to: Route; isCurrent: boolean; children: ComponentChildren }) {
  return (
    <a href={addressOf(to)} aria-current={isCurrent ? 'page' : undefined}>
      {children}
    </a>
  );
}

const chipWords = {
  starting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  'signed-out': 'Signed out',
  paused: 'Paused',
};

function ConnectionChip() {
  const now = connection.value;
  const word = now.state === 'stale' ? 'Stale' : chipWords[now.state];
  return (
    <span class={css.chip} data-state={now.state} title="Connection">
      <span class={css.dot} data-part="dot" aria-hidden="true" />
      <span>{word}</span>
      {now.state === 'stale' && <span aria-hidden="true">{now.seconds} s</span>}
    </span>
  );
}

function Help() {
  return (
    <Dialog isOpen={isHelpOpen.value} title="Keyboard shortcuts" onClose={() => (isHelpOpen.value = false)}>
      <dl class={css.keys}>
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
        Single-key shortcuts are on
      </label>
      <div class="actions">
        <button type="button" class="primary" onClick={() => (isHelpOpen.value = false)}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

/** The title says how many alarms fire, and a new screen starts at its heading, for screen readers as well. */
function useTitle(shown: Route): void {
  const count = status.value?.alarms.firing ?? 0;
  const name = titleOf(shown.screen);
  const isUnknown = isStale.value;
  useEffect(() => {
    const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')!;
    const wanted = isUnknown ? unknownIcon : count > 0 ? firingIcon : okIcon;
    // Setting the same icon again would fetch and draw it again.
    if (icon.href !== wanted) icon.href = wanted;
    document.title = `${isUnknown ? '(?) ' : count > 0 ? `(${count}) ` : ''}${name} · SSRMS`;
  }, [count, name, isUnknown]);
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

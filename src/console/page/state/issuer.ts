// Signs in at the token issuer in a separate window, so that the page and its drafts are kept. That window returns to this
// page's address, hands over its query, and closes. The refresh token is kept in memory only, like the token.
import type {
  SignInBegin,
  SignInBegun,
  SignInFinish,
  SignInRenew,
  SignInView,
  SignedInView,
} from '../../../wire/sign-in.ts';
import { batch, effect, signal } from '@preact/signals';
import { ApiError, ask, signInWanted, token } from './api.ts';
import { leftMs } from './expiry.ts';

/** The issuer's host; null: users paste a token; undefined: not known yet. */
export const issuer = signal<string | null | undefined>(undefined);
/** Gets the next token without a dialog; undefined: the user must sign in. */
export const refreshToken = signal<string | undefined>(undefined);

const channelName = 'ssrms-sign-in';
/** A token is renewed this long before it expires. */
const renewedMs = 30_000;
const renewAgainMs = 5_000;

/** Public requests: their answers say nothing about our token. */
function askSignIn<Answer>(path: string, body?: object): Promise<Answer> {
  const more = { isAnonymous: true, ...(body !== undefined && { body }) };
  return ask(body === undefined ? 'GET' : 'POST', `api/v1/sign-in${path}`, more);
}

export async function askIssuer(): Promise<void> {
  issuer.value ??= await askSignIn<SignInView>('').then(
    (answer) => answer.issuer,
    () => null,
  );
}

/** Call it from a click, since browsers open windows only then. Rejects with an Error to show, or when it is cancelled. */
export async function signInThere(givenUp: AbortSignal): Promise<void> {
  const there = open('about:blank', 'ssrms-sign-in', 'popup,width=520,height=720');
  if (there === null) throw new Error('The browser did not open a window: allow this page to open one.');
  const place: SignInBegin = { return_to: new URL('.', document.baseURI).href };
  try {
    const begun = await askSignIn<SignInBegun>('/begin', place);
    const query = answerTo(begun.state, givenUp);
    there.location.replace(begun.address);
    const { address: _address, ...secrets } = begun;
    const finish: SignInFinish = { ...place, ...secrets, query: await query };
    take(await askSignIn<SignedInView>('/finish', finish));
  } catch (error) {
    there.close();
    throw error;
  }
}

/** The query that the window with this state returns with. */
async function answerTo(state: string, givenUp: AbortSignal): Promise<string> {
  const channel = new BroadcastChannel(channelName);
  try {
    return await new Promise<string>((resolve, reject) => {
      channel.addEventListener('message', ({ data }) => {
        if (typeof data === 'string' && new URLSearchParams(data).get('state') === state) resolve(data);
      });
      givenUp.addEventListener('abort', () => reject(givenUp.reason as Error));
    });
  } finally {
    channel.close();
  }
}

/** Whether this window is the returned one from the issuer. */
export function isReturned(): boolean {
  const query = new URLSearchParams(location.search);
  return query.has('state') && (query.has('code') || query.has('error'));
}

export function handOver(): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A channel reaches its own origin only.
  new BroadcastChannel(channelName).postMessage(location.search.slice(1));
  // Leaves no code in the history or the address bar.
  history.replaceState(null, '', location.pathname);
  document.getElementById('page')!.textContent = 'You can close this window.';
  close();
}

function take(given: SignedInView): void {
  batch(() => {
    token.value = given.access_token;
    refreshToken.value = given.refresh_token;
    // The server has validated it.
    signInWanted.value = 'no';
  });
}

let isRenewing = false;

async function renew(): Promise<void> {
  if (isRenewing) return;
  isRenewing = true;
  const [held, sentToken] = [refreshToken.value, token.value];
  try {
    const given = await askSignIn<SignedInView>('/renew', { refresh_token: held! } satisfies SignInRenew);
    if (token.value === sentToken) take(given);
  } catch (error) {
    const isRefused = error instanceof ApiError && error.status === 400;
    if (isRefused || signInWanted.value !== 'no') refreshToken.value = undefined;
    else await new Promise((resolve) => setTimeout(resolve, renewAgainMs));
  } finally {
    isRenewing = false;
  }
}

/** Keeps the user signed in for as long as the issuer allows. Called once. */
export function startRenewing(): void {
  effect(() => {
    if (token.value === '') refreshToken.value = undefined;
    if (refreshToken.value === undefined) return;
    if (signInWanted.value === 'refused' || (leftMs.value ?? Infinity) < renewedMs) void renew();
  });
}

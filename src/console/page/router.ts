// Which screen is shown stands in the address after `#`, with its view state, so that a link shows what its sender saw:
// #/now, #/rules?q=state:firing, #/rules/new, #/rules/{id}, #/alarms/{id}, #/system. The part after `#` is never sent to a server.
import { computed, signal } from '@preact/signals';

export type Route =
  | { readonly screen: 'now' }
  | { readonly screen: 'rules'; readonly search: string }
  | { readonly screen: 'editor'; readonly id: string | undefined }
  | { readonly screen: 'alarm'; readonly id: string }
  | { readonly screen: 'system' };

const hash = signal(location.hash);
addEventListener('hashchange', () => (hash.value = location.hash));

export const route = computed((): Route => parseRoute(hash.value));

function parseRoute(text: string): Route {
  const [path = '', query = ''] = text.replace(/^#/, '').split('?');
  const [, first, second] = path.split('/');
  if (first === 'alarms' && second !== undefined && second !== '') return { screen: 'alarm', id: decoded(second) };
  if (first === 'system') return { screen: 'system' };
  if (first !== 'rules') return { screen: 'now' };
  if (second === undefined || second === '')
    return { screen: 'rules', search: new URLSearchParams(query).get('q') ?? '' };
  return { screen: 'editor', id: second === 'new' ? undefined : decoded(second) };
}

/** An address that somebody cut short may end in half a letter. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function addressOf(target: Route): string {
  if (target.screen === 'now' || target.screen === 'system') return `#/${target.screen}`;
  if (target.screen === 'alarm') return `#/alarms/${encodeURIComponent(target.id)}`;
  if (target.screen === 'editor') return `#/rules/${target.id === undefined ? 'new' : encodeURIComponent(target.id)}`;
  return target.search === '' ? '#/rules' : `#/rules?${new URLSearchParams({ q: target.search })}`;
}

export function go(target: Route): void {
  location.hash = addressOf(target);
}

/** Puts the view state into the address without a step in the history: typing in a search field is no navigation. */
export function amend(target: Route): void {
  history.replaceState(null, '', addressOf(target));
  hash.value = location.hash;
}

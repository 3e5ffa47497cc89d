// The part of the address after `#` says which screen is shown and with which view state, so that a link shows the same:
// #/now, #/rules?q=state:firing, #/rules/new, #/rules/{id}, #/rules/{id}/edit, #/alarms?state=ended, #/alarms/{id},
// #/timeline?kind=rule, #/webhooks?q=parked, #/system. Browsers never send that part to a server.
import { computed, signal } from '@preact/signals';

export type Route =
  | { readonly screen: 'now' }
  | { readonly screen: 'rules'; readonly search: string }
  | { readonly screen: 'rule'; readonly id: string }
  | { readonly screen: 'editor'; readonly id: string | undefined }
  | { readonly screen: 'alarms'; readonly filter: AlarmsFilter }
  | { readonly screen: 'alarm'; readonly id: string }
  | { readonly screen: 'timeline'; readonly filter: TimelineFilter }
  | { readonly screen: 'webhooks'; readonly search: string }
  | { readonly screen: 'system' };

/** A filter of past alarms; empty: all. */
export interface AlarmsFilter {
  readonly state: string;
  readonly metric: string;
  readonly rule: string;
  readonly severity: string;
  readonly tag: string;
  readonly label: string;
}

export const everyAlarm: AlarmsFilter = { state: '', metric: '', rule: '', severity: '', tag: '', label: '' };

/** A filter of the timeline; empty: everything in the last 24 hours. Times are milliseconds since the epoch. */
export interface TimelineFilter {
  readonly kind: string;
  readonly rule: string;
  readonly metric: string;
  readonly from: string;
  readonly to: string;
}

export const everything: TimelineFilter = { kind: '', rule: '', metric: '', from: '', to: '' };

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  const wanted = location.hash;
  if (ask === undefined || wanted === hash.value) hash.value = wanted;
  else {
    // The address stays as it is until the user has confirmed.
    history.replaceState(null, '', hash.value);
    ask(() => (location.hash = wanted));
  }
});

type Ask = (leave: () => void) => void;
let ask: Ask | undefined;

/** Asks before another screen is shown, until the returned function is called. `leave` then goes there. */
export function guardLeaving(asks: Ask): () => void {
  ask = (leave) =>
    asks(() => {
      ask = undefined;
      leave();
    });
  return () => (ask = undefined);
}

export const route = computed((): Route => parseRoute(hash.value));

function parseRoute(text: string): Route {
  const [path = '', query = ''] = text.replace(/^#/, '').split('?');
  const [, first, second = '', third] = path.split('/');
  const given = new URLSearchParams(query);
  if (first === 'alarms')
    return second === ''
      ? { screen: 'alarms', filter: filterOf(everyAlarm, given) }
      : { screen: 'alarm', id: decoded(second) };
  if (first === 'timeline') return { screen: 'timeline', filter: timelineFilterOf(given) };
  if (first === 'webhooks') return { screen: 'webhooks', search: given.get('q') ?? '' };
  if (first === 'system') return { screen: 'system' };
  if (first !== 'rules') return { screen: 'now' };
  if (second === '') return { screen: 'rules', search: given.get('q') ?? '' };
  if (second === 'new') return { screen: 'editor', id: undefined };
  return { screen: third === 'edit' ? 'editor' : 'rule', id: decoded(second) };
}

/** The known fields, as the query gives them. */
function filterOf<Filter extends object>(every: Filter, given: URLSearchParams): Filter {
  const fields = Object.keys(every).map((field) => [field, given.get(field) ?? '']);
  return Object.fromEntries(fields) as Filter;
}

/** Invalid values in an address are ignored. */
function timelineFilterOf(given: URLSearchParams): TimelineFilter {
  const filter = filterOf(everything, given);
  const time = (text: string): string => (/^\d{1,15}$/.test(text) ? text : '');
  const kinds = filter.kind.split(',').filter((kind) => ['transition', 'rule', 'delivery'].includes(kind));
  return { ...filter, kind: kinds.slice(0, 3).join(','), from: time(filter.from), to: time(filter.to) };
}

/** The fields that are set, as a query. */
function queryOf(filter: object): string {
  const said = Object.entries(filter).filter(([, value]) => value !== '') as [string, string][];
  return said.length === 0 ? '' : `?${new URLSearchParams(said)}`;
}

/** A truncated address may end in an incomplete escape sequence. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function addressOf(target: Route): string {
  const id = 'id' in target ? encodeURIComponent(target.id ?? 'new') : '';
  switch (target.screen) {
    case 'alarm':
      return `#/alarms/${id}`;
    case 'alarms':
    case 'timeline':
      return `#/${target.screen}${queryOf(target.filter)}`;
    case 'editor':
      return `#/rules/${id}${target.id === undefined ? '' : '/edit'}`;
    case 'rule':
      return `#/rules/${id}`;
    case 'rules':
    case 'webhooks':
      return `#/${target.screen}${queryOf({ q: target.search })}`;
    default:
      return `#/${target.screen}`;
  }
}

export function go(target: Route): void {
  location.hash = addressOf(target);
}

/** Puts the view state into the address without a history entry: typing in a search field is not navigation. */
export function amend(target: Route): void {
  history.replaceState(null, '', addressOf(target));
  hash.value = location.hash;
}

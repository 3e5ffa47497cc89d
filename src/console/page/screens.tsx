// Which component shows which address, what it is called, and where it stands in the navigation. Screens with charts, and those
// that few go to first, are loaded after the page stands.
import type { JSX } from 'preact';
import { lazy } from './frame/lazy.tsx';
import { NowScreen } from './screens/now-screen.tsx';
import { everything, type Route } from './router.ts';
import { RulesScreen } from './rules/rules-screen.tsx';

type Name = Route['screen'];

const AlarmScreen = lazy(async () => (await import('./later.ts')).AlarmScreen);
const AlarmsScreen = lazy(async () => (await import('./later.ts')).AlarmsScreen);
const RuleEditor = lazy(async () => (await import('./later.ts')).RuleEditor);
const RuleScreen = lazy(async () => (await import('./later.ts')).RuleScreen);
const SystemScreen = lazy(async () => (await import('./later.ts')).SystemScreen);
const TimelineScreen = lazy(async () => (await import('./later.ts')).TimelineScreen);
const WebhooksScreen = lazy(async () => (await import('./later.ts')).WebhooksScreen);

interface Screen<Shown extends Route> {
  readonly title: string;
  /** The entry of the navigation that it belongs to. */
  readonly under: Name;
  readonly show: (shown: Shown) => JSX.Element;
}

const screens: { readonly [Key in Name]: Screen<Extract<Route, { screen: Key }>> } = {
  now: { title: 'Now', under: 'now', show: () => <NowScreen /> },
  rules: { title: 'Rules', under: 'rules', show: ({ search }) => <RulesScreen search={search} /> },
  rule: { title: 'Rule', under: 'rules', show: ({ id }) => <RuleScreen key={id} id={id} /> },
  editor: { title: 'Edit a rule', under: 'rules', show: ({ id }) => <RuleEditor key={id ?? 'new'} id={id} /> },
  alarm: { title: 'Alarm', under: 'now', show: ({ id }) => <AlarmScreen key={id} id={id} /> },
  alarms: { title: 'Alarms', under: 'now', show: ({ filter }) => <AlarmsScreen filter={filter} /> },
  timeline: {
    title: 'Timeline',
    under: 'timeline',
    show: ({ filter }) => <TimelineScreen filter={filter} />,
  },
  webhooks: { title: 'Webhooks', under: 'webhooks', show: ({ search }) => <WebhooksScreen search={search} /> },
  system: { title: 'System', under: 'system', show: () => <SystemScreen /> },
};

export const navigation: readonly { readonly name: Name; readonly to: Route }[] = [
  { name: 'now', to: { screen: 'now' } },
  { name: 'rules', to: { screen: 'rules', search: '' } },
  { name: 'timeline', to: { screen: 'timeline', filter: everything } },
  { name: 'webhooks', to: { screen: 'webhooks', search: '' } },
  { name: 'system', to: { screen: 'system' } },
];

export function screenOf<Shown extends Route>(shown: Shown): Screen<Shown> {
  return screens[shown.screen] as unknown as Screen<Shown>;
}

export const titleOf = (name: Name): string => screens[name].title;

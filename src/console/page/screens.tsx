// Maps each address to its component and to an entry of the navigation. Screens with charts, and rarely used ones, are
// loaded after the page is shown.
import type { JSX } from 'preact';
import { lazy } from './parts/lazy.tsx';
import { NowScreen } from './screens/now-screen.tsx';
import type { Route } from './state/router.ts';
import { RulesScreen } from './rules/rules-screen.tsx';

type Name = Route['screen'];

const AlarmScreen = lazy(async () => (await import('./later.ts')).AlarmScreen);
const AlarmsScreen = lazy(async () => (await import('./later.ts')).AlarmsScreen);
const RuleEditor = lazy(async () => (await import('./later.ts')).RuleEditor);
const RuleImport = lazy(async () => (await import('./later.ts')).RuleImport);
const RuleScreen = lazy(async () => (await import('./later.ts')).RuleScreen);
const SystemScreen = lazy(async () => (await import('./later.ts')).SystemScreen);
const TimelineScreen = lazy(async () => (await import('./later.ts')).TimelineScreen);
const WebhooksScreen = lazy(async () => (await import('./later.ts')).WebhooksScreen);

interface Screen<Shown extends Route> {
  /** The entry of the navigation that is highlighted. */
  readonly under: Name;
  readonly show: (shown: Shown) => JSX.Element;
}

const screens: { readonly [Key in Name]: Screen<Extract<Route, { screen: Key }>> } = {
  now: { under: 'now', show: () => <NowScreen /> },
  rules: { under: 'rules', show: ({ search }) => <RulesScreen search={search} RuleImport={RuleImport} /> },
  rule: { under: 'rules', show: ({ id }) => <RuleScreen key={id} id={id} /> },
  editor: { under: 'rules', show: ({ id }) => <RuleEditor key={id ?? 'new'} id={id} /> },
  alarm: { under: 'now', show: ({ id }) => <AlarmScreen key={id} id={id} /> },
  alarms: { under: 'now', show: ({ filter }) => <AlarmsScreen filter={filter} /> },
  timeline: {
    under: 'timeline',
    show: ({ filter }) => <TimelineScreen filter={filter} />,
  },
  webhooks: { under: 'webhooks', show: ({ search }) => <WebhooksScreen search={search} /> },
  system: { under: 'system', show: () => <SystemScreen /> },
};

export function screenOf<Shown extends Route>(shown: Shown): Screen<Shown> {
  return screens[shown.screen] as unknown as Screen<Shown>;
}

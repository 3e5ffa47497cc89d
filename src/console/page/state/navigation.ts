import { everything, type Route } from './router.ts';

type Name = Route['screen'];

export const navigation: readonly { readonly name: Name; readonly to: Route }[] = [
  { name: 'now', to: { screen: 'now' } },
  { name: 'rules', to: { screen: 'rules', search: '' } },
  { name: 'timeline', to: { screen: 'timeline', filter: everything } },
  { name: 'webhooks', to: { screen: 'webhooks', search: '' } },
  { name: 'system', to: { screen: 'system' } },
];

const titles: Readonly<Record<Name, string>> = {
  now: 'Now',
  rules: 'Rules',
  rule: 'Rule',
  editor: 'Edit a rule',
  alarm: 'Alarm',
  alarms: 'Alarms',
  timeline: 'Timeline',
  webhooks: 'Webhooks',
  system: 'System',
};

/** The title of a screen. */
export const titleOf = (name: Name): string => titles[name];

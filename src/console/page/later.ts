// What comes after the page stands, in one file of its own: many small ones are a tenth longer when packed, and all of them are
// fetched in the first quiet moment anyway.
export { AlarmScreen } from './alarm-screen.tsx';
export { AlarmsScreen } from './alarms-screen.tsx';
export { Palette } from './palette.tsx';
export { RuleEditor } from './rule-editor.tsx';
export { RuleImport } from './rule-import.tsx';
export { RuleScreen } from './rule-screen.tsx';
export { SystemScreen } from './system-screen.tsx';
export { TimelineScreen } from './timeline-screen.tsx';
export { WebhooksScreen } from './webhooks-screen.tsx';

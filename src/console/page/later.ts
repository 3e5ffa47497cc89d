// What comes after the page stands, in one file of its own: many small ones are a tenth longer when packed, and all of them are
// fetched in the first quiet moment anyway.
export { AlarmScreen } from './screens/alarm-screen.tsx';
export { AlarmsScreen } from './screens/alarms-screen.tsx';
export { Palette } from './frame/palette.tsx';
export { RuleEditor } from './editor/rule-editor.tsx';
export { RuleImport } from './rules/rule-import.tsx';
export { RuleScreen } from './rules/rule-screen.tsx';
export { SystemScreen } from './screens/system-screen.tsx';
export { TimelineScreen } from './screens/timeline-screen.tsx';
export { WebhooksScreen } from './screens/webhooks-screen.tsx';

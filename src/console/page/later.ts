// The code that is loaded once the page is shown, in one file: many small files are a tenth larger when packed, and all of
// them are fetched as soon as the page is idle.
export { AlarmScreen } from './screens/alarm-screen.tsx';
export { AlarmsScreen } from './screens/alarms-screen.tsx';
export { Palette } from './frame/palette.tsx';
export { RuleEditor } from './editor/rule-editor.tsx';
export { RuleImport } from './rules/rule-import.tsx';
export { RuleScreen } from './rules/rule-screen.tsx';
export { SystemScreen } from './screens/system-screen.tsx';
export { TimelineScreen } from './screens/timeline-screen.tsx';
export { WebhooksScreen } from './screens/webhooks-screen.tsx';

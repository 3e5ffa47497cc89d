/** How bad an alarm is, the least first: for people and their tools, no evaluation reads it. */
export const severities = ['info', 'warning', 'critical'] as const;

export type Severity = (typeof severities)[number];

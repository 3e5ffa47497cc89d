/** An alerting rule as it stands in a file of Prometheus, its durations read. */
export interface PrometheusAlert {
  readonly name: string;
  readonly group: string;
  readonly expr: string;
  readonly for: string | undefined;
  readonly forMs: number;
  readonly keepFiringMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** What its group asks for that no rule has. */
  readonly groupNotes: readonly string[];
}

/** An alerting rule that cannot be read. */
export interface UnreadableAlert {
  readonly name: string;
  readonly reason: string;
}

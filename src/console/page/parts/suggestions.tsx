import { findMetrics } from '../state/inspect.ts';
import { useQuery } from '../state/query.ts';

export const typingMs = 200;

/** Completions that the browser offers for a text. */
export function Suggestions({ id, texts }: { readonly id: string; readonly texts: readonly string[] }) {
  return (
    <datalist id={id}>
      {texts.map((text) => (
        <option key={text} value={text} />
      ))}
    </datalist>
  );
}

/** The live metrics whose names contain the text. */
export function MetricSuggestions({ text }: { readonly text: string }) {
  const { value: metrics } = useQuery((signal) => findMetrics(text, signal), { afterMs: typingMs }, [text]);
  const names = (metrics.value ?? []).map(({ name }) => name);
  return <Suggestions id="known-metrics" texts={names} />;
}

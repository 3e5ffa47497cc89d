import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { findMetrics } from '../state/inspect.ts';

export const typingMs = 200;

/** What the browser offers to complete a text with. */
export function Suggestions({ id, texts }: { readonly id: string; readonly texts: readonly string[] }) {
  return (
    <datalist id={id}>
      {texts.map((text) => (
        <option key={text} value={text} />
      ))}
    </datalist>
  );
}

/** The metrics that flow and have the text in their names. */
export function MetricSuggestions({ text }: { readonly text: string }) {
  const names = useSignal<readonly string[]>([]);
  useEffect(() => {
    const soon = setTimeout(() => {
      findMetrics(text).then(
        (metrics) => (names.value = metrics.map(({ name }) => name)),
        // The connection chip says what is wrong.
        () => {},
      );
    }, typingMs);
    return () => clearTimeout(soon);
  }, [text]);
  return <Suggestions id="known-metrics" texts={names.value} />;
}

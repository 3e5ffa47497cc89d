import { showError, showNotice } from './notices.tsx';

interface CopyButtonProps {
  readonly text: string;
  readonly label?: string;
  readonly isSmall?: boolean;
}

export function CopyButton({ text, label = 'Copy', isSmall = false }: CopyButtonProps) {
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      showNotice('Copied.');
    } catch {
      // Browsers allow the clipboard only on secure pages.
      showError('The browser does not allow copying here: select the text and copy it.');
    }
  };
  return (
    <button type="button" class={isSmall ? 'small' : undefined} onClick={() => void copy()}>
      {label}
    </button>
  );
}

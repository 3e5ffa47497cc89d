// The named receivers, each with its kind and masked address, and a form to add or replace one. Secrets are never shown.
import { useSignal, type Signal } from '@preact/signals';
import type { ReceiverView } from '../../../wire/receivers.ts';
import { TestButton } from '../editor/send-test.tsx';
import { showNotice, showError } from '../parts/notices.tsx';
import { ApiError } from '../state/api.ts';
import { useQuery } from '../state/query.ts';
import { deleteReceiver, readReceivers, saveReceiver, testReceiver } from '../state/receivers.ts';

const everyMs = 5_000;

interface ReceiverDraft {
  readonly name: string;
  readonly kind: ReceiverView['kind'];
  readonly address: string;
  readonly secret: string;
}

const emptyDraft: ReceiverDraft = { name: '', kind: 'webhook', address: '', secret: '' };
/** The name of each kind, and whether its requests are signed. */
const kinds: Record<ReceiverView['kind'], { readonly label: string; readonly isSigned: boolean }> = {
  webhook: { label: 'Webhook (signed JSON)', isSigned: true },
  discord: { label: 'Discord webhook', isSigned: false },
};

export function ReceiversSection() {
  const { value, failure, refresh } = useQuery(readReceivers, { everyMs }, []);
  const draft = useSignal<ReceiverDraft | undefined>(undefined);
  const receivers = value.value?.receivers;
  // A token may read webhooks but not receivers: then there is nothing to show.
  if (failure.value?.status === 403) return null;
  return (
    <section aria-labelledby="receivers-title">
      <div class="screen-head">
        <div>
          <h2 id="receivers-title">Receivers</h2>
          <p class="hint">
            {receivers?.length === 0
              ? 'None yet. A receiver is a named target that rules can notify, in addition to or instead of a Discord webhook.'
              : 'Named targets that rules can notify.'}
          </p>
        </div>
        {draft.value === undefined && (
          <div class="actions writes">
            <button type="button" onClick={() => (draft.value = emptyDraft)}>
              Add receiver
            </button>
          </div>
        )}
      </div>
      {failure.value !== undefined && (
        <p class="banner" role="alert">
          {failure.value.message}
        </p>
      )}
      {draft.value !== undefined && (
        <ReceiverForm
          draft={draft as Signal<ReceiverDraft>}
          onClose={() => (draft.value = undefined)}
          onSaved={() => {
            draft.value = undefined;
            refresh();
          }}
        />
      )}
      <ul class="webhook-list">
        {receivers?.map((receiver) => (
          <Receiver
            key={receiver.name}
            receiver={receiver}
            onEdit={() => (draft.value = { ...emptyDraft, ...receiver, secret: '' })}
            onDeleted={refresh}
          />
        ))}
      </ul>
    </section>
  );
}

function Receiver({
  receiver: { name, kind, address },
  onEdit,
  onDeleted,
}: {
  readonly receiver: ReceiverView;
  readonly onEdit: () => void;
  readonly onDeleted: () => void;
}) {
  const remove = async (): Promise<void> => {
    try {
      await deleteReceiver(name);
      showNotice(`Receiver ${name} deleted.`);
      onDeleted();
    } catch (error) {
      showError(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <li class="card webhook">
      <div class="webhook-head">
        <h3>{name}</h3>
        <span>{kinds[kind].label}</span>
        <span class="hint">{address}</span>
      </div>
      <TestButton send={() => testReceiver(name)} />
      <div class="actions writes">
        <button type="button" class="small" aria-label={`Edit receiver ${name}`} onClick={onEdit}>
          Edit
        </button>
        <button
          type="button"
          class="small quiet danger"
          aria-label={`Delete receiver ${name}`}
          onClick={() => void remove()}
        >
          Delete
        </button>
      </div>
    </li>
  );
}

interface FormProps {
  readonly draft: Signal<ReceiverDraft>;
  readonly onClose: () => void;
  readonly onSaved: () => void;
}

function ReceiverForm({ draft, onClose, onSaved }: FormProps) {
  const errors = useSignal<ReadonlyMap<string, string>>(new Map());
  const isBusy = useSignal(false);
  const { name, kind, address, secret } = draft.value;
  const set = (more: Partial<ReceiverDraft>): void => {
    draft.value = { ...draft.value, ...more };
    errors.value = new Map();
  };
  const save = async (): Promise<void> => {
    isBusy.value = true;
    try {
      const isSigned = kinds[kind].isSigned && secret !== '';
      await saveReceiver(name.trim(), { kind, address: address.trim(), ...(isSigned && { secret }) });
      showNotice(`Receiver ${name.trim()} saved.`);
      onSaved();
    } catch (error) {
      const given = error instanceof ApiError ? error.fields : [];
      const message = error instanceof Error ? error.message : String(error);
      errors.value = new Map(given.length > 0 ? given.map((each) => [each.field, each.message]) : [['', message]]);
    }
    isBusy.value = false;
  };
  const text = (field: 'name' | 'address' | 'secret', label: string, placeholder: string) => (
    <div class="field field-long">
      <label for={`receiver-${field}`}>{label}</label>
      <div class="input">
        <input
          id={`receiver-${field}`}
          type="text"
          autocomplete="off"
          spellcheck={false}
          placeholder={placeholder}
          value={draft.value[field]}
          aria-invalid={errors.value.has(field)}
          aria-describedby={errors.value.has(field) ? `receiver-${field}-error` : undefined}
          onInput={(event) => set({ [field]: event.currentTarget.value })}
        />
      </div>
      {errors.value.has(field) && (
        <p class="error" id={`receiver-${field}-error`}>
          {errors.value.get(field)}
        </p>
      )}
    </div>
  );
  const elsewhere = [...errors.value].filter(([field]) => !['name', 'address', 'secret'].includes(field));
  return (
    <form
      class="card stack"
      noValidate
      aria-label="Receiver"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy.value) void save();
      }}
    >
      {text('name', 'Name', 'ops')}
      <div class="field">
        <label for="receiver-kind">Kind</label>
        <select
          id="receiver-kind"
          value={kind}
          onChange={(event) => set({ kind: event.currentTarget.value as ReceiverView['kind'] })}
        >
          {Object.entries(kinds).map(([value, { label }]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
      {text('address', 'Address', 'https://hooks.example.com/ssrms')}
      {kinds[kind].isSigned && text('secret', 'Signing secret', '16 to 256 characters; empty keeps the present one')}
      {elsewhere.length > 0 && (
        <p class="error" role="alert">
          {elsewhere.map(([, message]) => message).join('; ')}
        </p>
      )}
      <div class="actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="primary" aria-disabled={isBusy.value}>
          Save receiver
        </button>
      </div>
    </form>
  );
}

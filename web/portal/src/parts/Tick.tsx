interface Props {
  id: string;
  checked: boolean;
  label: string;
  /** Drawn as a switch rather than a box. */
  toggle?: boolean;
  describedBy?: string | undefined;
  onTick: (checked: boolean) => void;
}

export function Tick({ id, checked, label, toggle = false, describedBy, onTick }: Props) {
  return (
    <label class={toggle ? "tick toggle" : "tick"} for={id}>
      <input
        type="checkbox"
        id={id}
        role={toggle ? "switch" : undefined}
        checked={checked}
        aria-describedby={describedBy}
        aria-invalid={describedBy ? "true" : undefined}
        onChange={({ currentTarget }) => onTick(currentTarget.checked)}
      />
      <span class="mark" aria-hidden="true" />
      <span>{label}</span>
    </label>
  );
}

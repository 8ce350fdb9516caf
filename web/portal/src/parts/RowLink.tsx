import type { ComponentChildren } from "preact";
import { enter } from "../route.ts";
import { Icon, type IconName } from "./Icon.tsx";

interface Props {
  route: string;
  icon: IconName | ComponentChildren;
  title: string;
  detail?: string | undefined;
  grave?: boolean;
}

/** A line that leads deeper. */
export function RowLink({ route, icon, title, detail, grave = false }: Props) {
  return (
    <a
      class={grave ? "row-link grave" : "row-link"}
      href={`#${route}`}
      onClick={(event) => {
        // Left to the browser where a new tab is wanted.
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
        event.preventDefault();
        enter(route);
      }}
    >
      {typeof icon === "string" ? <Icon name={icon as IconName} /> : icon}
      <span class="row-words">
        <span>{title}</span>
        {detail && <small>{detail}</small>}
      </span>
      <Icon name="next" />
    </a>
  );
}

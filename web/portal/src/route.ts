import { useEffect, useState } from "preact/hooks";

/** Where inside the page one is: what stands behind `#`, so that reload and the back button work. */
const here = () => location.hash.replace(/^#/, "");

const listeners = new Set<() => void>();
const tell = () => listeners.forEach((listener) => listener());

export function useRoute(): string {
  const [route, setRoute] = useState(here);
  useEffect(() => {
    const look = () => setRoute(here());
    listeners.add(look);
    addEventListener("popstate", look);
    addEventListener("hashchange", look);
    return () => {
      listeners.delete(look);
      removeEventListener("popstate", look);
      removeEventListener("hashchange", look);
    };
  }, []);
  return route;
}

/** Deeper; remembers that there is a way back within the page. */
export function enter(route: string): void {
  history.pushState({ within: true }, "", `#${route}`);
  tell();
}

/** Back to the page above: by history where it came from there, so that the back button does not lead down again. */
export function leaveTo(above: string): void {
  if ((history.state as { within?: boolean } | null)?.within) return history.back();
  replace(above);
}

export function replace(route: string): void {
  history.replaceState(null, "", route ? `#${route}` : location.pathname + location.search);
  tell();
}

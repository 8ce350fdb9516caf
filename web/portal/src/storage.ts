/** Browser storage that may be missing, full or forbidden; the page works without, it only remembers less. */
function attempt<T>(action: () => T): T | null {
  try {
    return action();
  } catch {
    return null;
  }
}

/** For this tab, until it closes. */
export const tab = {
  read: <T>(key: string): T | null => attempt(() => JSON.parse(sessionStorage.getItem(key) ?? "null") as T | null),
  write: (key: string, value: unknown) => attempt(() => sessionStorage.setItem(key, JSON.stringify(value))),
  forget: (key: string) => attempt(() => sessionStorage.removeItem(key)),
  keys: (prefix: string): string[] => (attempt(() => Object.keys(sessionStorage)) ?? []).filter((key) => key.startsWith(prefix)),
};

/** For this browser. */
export const browser = {
  read: (key: string): string | null => attempt(() => localStorage.getItem(key)),
  write: (key: string, value: string) => attempt(() => localStorage.setItem(key, value)),
};

const wayKey = (portal: string) => `portico.way.${portal}`;

/** How somebody last came in here. */
export const rememberWay = (portal: string, way: "password" | "code") => browser.write(wayKey(portal), way);
export const rememberedWay = (portal: string): "password" | "code" => (browser.read(wayKey(portal)) === "password" ? "password" : "code");

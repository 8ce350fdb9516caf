/** First match wins: most browsers claim to be others too. */
const BROWSERS: [RegExp, string][] = [
  [/MicroMessenger/, "WeChat"],
  [/DingTalk/, "DingTalk"],
  [/Edg(e|A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/SamsungBrowser/, "Samsung Internet"],
  [/HuaweiBrowser/, "Huawei Browser"],
  [/MiuiBrowser/, "Mi Browser"],
  [/Firefox|FxiOS/, "Firefox"],
  [/Chrome|CriOS/, "Chrome"],
  [/Safari/, "Safari"],
];

const SYSTEMS: [RegExp, string][] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/HarmonyOS|OpenHarmony/, "HarmonyOS"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Macintosh|Mac OS/, "Mac"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

export interface Device {
  browser: string | null;
  system: string | null;
  small: boolean;
}

/** What a User-Agent says of the browser and the device; enough for people to know their own again. */
export function deviceOf(agent: string | null | undefined): Device {
  const find = (known: [RegExp, string][]) => known.find(([pattern]) => pattern.test(agent ?? ""))?.[1] ?? null;
  return { browser: find(BROWSERS), system: find(SYSTEMS), small: /Mobile|iPhone|Android/.test(agent ?? "") };
}

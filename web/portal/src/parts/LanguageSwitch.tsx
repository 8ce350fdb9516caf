import { TEXTS, useSpeech } from "../texts/index.ts";

/** One button, in the language it leads to. */
export function LanguageSwitch() {
  const { locale, speak } = useSpeech();
  const other = locale === "zh" ? "en" : "zh";
  const texts = TEXTS[other];
  return (
    <button type="button" class="language" lang={other === "zh" ? "zh-CN" : "en"} aria-label={texts.switchTo} onClick={() => speak(other)}>
      {texts.language}
    </button>
  );
}

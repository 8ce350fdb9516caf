import { narrow, numberOf } from "../digits.ts";
import type { Problem } from "../http.ts";
import type { Field, Value } from "../portal.ts";

/** An answer as the form holds it: what was typed, before it is a value. */
export type Answer = string | boolean | string[];

export interface Fault {
  /** A code of the server, or one of our own of the same names. */
  code: string;
  detail?: string;
}

export type Faults = Record<string, Fault>;

/** The value of an answer, or null when there is none. */
export function answerOf(field: Field, answer: Answer | undefined): Value | null {
  switch (field.type) {
    case "switch":
      return answer === true;
    case "multiple":
      return Array.isArray(answer) && answer.length ? answer : null;
    default: {
      const text = typeof answer === "string" ? answer.trim() : "";
      if (!text) return null;
      if (field.type === "number") return numberOf(text);
      // A text is one line: what a larger field takes is joined, as the server refuses control characters.
      return field.type === "phone" || field.type === "email" ? narrow(text) : text.replace(/\s+/g, " ");
    }
  }
}

/** Values as the server tells them, as the form holds them. */
export function typedAnswers(values: Record<string, Value>): Record<string, Answer> {
  return Object.fromEntries(Object.entries(values).map(([id, value]) => [id, typeof value === "number" ? String(value) : value]));
}

/** What can be seen to be missing or wrong without asking the server, which judges it all again. */
export function checkAnswers(fields: Field[], answers: Record<string, Answer>): Faults {
  const faults: Faults = {};
  for (const field of fields) {
    const code = faultOf(field, answers[field.id]);
    if (code) faults[field.id] = { code };
  }
  return faults;
}

function faultOf(field: Field, answer: Answer | undefined): string | null {
  const typed = typeof answer === "string" ? answer.trim() : "";
  const value = answerOf(field, answer);
  if (field.type === "number" && typed && value === null) return "invalid";
  if (value === null || (field.type === "switch" && value === false)) return field.required && field.type !== "switch" ? "required" : null;
  if (field.maxLength !== undefined && Array.from(typed).length > field.maxLength) return "too-long";
  if (field.type === "email" && !/^\S+@\S+\.\S+$/.test(String(value))) return "invalid";
  if (field.type === "phone" && !/^[\d\s()+.-]{5,}$/.test(String(value))) return "invalid";
  return null;
}

/** Faults by field, from the pointers of a refusal (`/fields/<id>`, RFC 6901). */
export function pointedFaults(problem: Problem): Faults {
  const faults: Faults = {};
  for (const { pointer, code, detail } of problem.body.errors ?? []) {
    const id = /^\/fields\/([^/]+)/.exec(pointer)?.[1]?.replace(/~1/g, "/").replace(/~0/g, "~");
    if (id && !faults[id]) faults[id] = { code, ...(detail ? { detail } : {}) };
  }
  return faults;
}

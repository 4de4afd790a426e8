/** The state of a page in its address: which layer, step, unit and cell is shown. */

import { useLayoutEffect, useState } from "./vendor/preact.js";

/** Reads the state from the address. */
export function readState() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

/** Writes the state to the address, without a new entry in the history. */
export function writeState(state) {
  const kept = Object.entries(state).filter(([, value]) => value !== undefined && value !== "");
  const hash = new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
  try {
    history.replaceState(null, "", hash ? `#${hash}` : "#");
  } catch {
    // a frame without an address of its own, such as in a notebook, keeps no state
  }
}

/** The state, and a function that changes some of its fields. */
export function usePageState() {
  const [state, setState] = useState(readState);
  useLayoutEffect(() => {
    const read = () => setState(readState());
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
  const change = (fields) => {
    setState((before) => {
      const after = { ...before, ...readState(), ...fields };
      writeState(after);
      return after;
    });
  };
  return [state, change];
}

// SPDX-License-Identifier: MIT
// lib.js - the one door to the libraries: what a component needs, by short names.
import { h, render, Fragment, Component } from '../vendor/preact.js';
import htm from '../vendor/htm.js';

export { h, render, Fragment, Component };
export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useId } from '../vendor/hooks.js';
export const html = htm.bind(h);

// ULIDs (github.com/ulid/spec): 48 bits of time and 80 random ones in Crockford's base 32.

import { ValidationError } from "bao/exceptions";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_LENGTH = 10, RANDOM_LENGTH = 16;
const TIME_MAX = 2 ** 48 - 1;
const random = new Uint8Array(RANDOM_LENGTH);

export function ulid(time = Date.now()) {
  let text = "";
  for (let i = 0, rest = time; i < TIME_LENGTH; i++) {
    text = ALPHABET[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  crypto.getRandomValues(random);
  for (let i = 0; i < RANDOM_LENGTH; i++) text += ALPHABET[random[i] & 31];
  return text;
}

// Throws unless the text is one.
export function checkUlid(value) {
  if (!/^[0-9A-Z]{26}$/.test(value)) throw new ValidationError("Invalid ULID format", null, value);
  let time = 0;
  for (let i = 0; i < TIME_LENGTH; i++) {
    const digit = ALPHABET.indexOf(value[i]);
    time = digit < 0 ? Infinity : time * 32 + digit;
  }
  if (time > TIME_MAX) throw new ValidationError("Invalid ULID: could not decode timestamp", null, value);
}

// What an IP address is, for node:net and what is built on it.

const FOUR = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const GROUP = /^[0-9a-f]{1,4}$/i;
const ZONE = /^[0-9a-z\-.:]+$/i;

export function isIPv4(text) {
  return P.RegExpPrototypeExec(FOUR, `${text}`) !== null;
}

export function isIPv6(text) {
  text = `${text}`;
  const zone = P.StringPrototypeIndexOf(text, "%");
  if (zone >= 0) {
    if (P.RegExpPrototypeExec(ZONE, P.StringPrototypeSlice(text, zone + 1)) === null) return false;
    text = P.StringPrototypeSlice(text, 0, zone);
  }
  const halves = P.StringPrototypeSplit(text, "::");
  if (halves.length > 2) return false;
  let count = 0;
  for (let h = 0; h < halves.length; h++) {
    if (halves[h] === "") continue;
    const groups = P.StringPrototypeSplit(halves[h], ":");
    for (let i = 0; i < groups.length; i++) {
      const last = h === halves.length - 1 && i === groups.length - 1;
      if (last && isIPv4(groups[i])) count += 2;
      else if (P.RegExpPrototypeExec(GROUP, groups[i]) !== null) count++;
      else return false;
    }
  }
  return halves.length === 2 ? count < 8 : count === 8;
}

export function isIP(text) {
  return isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0;
}

// util.parseArgs.

import { nodeError } from "node/internal/errors";
import { validateArray, validateBoolean, validateObject, validateOneOf, validateString } from "node/internal/validators";

function checkOptions(options) {
  validateObject(options, "options");
  for (const [name, option] of Object.entries(options)) {
    validateObject(option, `options.${name}`);
    validateOneOf(option.type, `options.${name}.type`, ["string", "boolean"]);
    if (option.short !== undefined) {
      validateString(option.short, `options.${name}.short`);
      if (option.short.length !== 1) throw nodeError("ERR_INVALID_ARG_VALUE", `options.${name}.short`, option.short, "must be a single character");
    }
    if (option.multiple !== undefined) validateBoolean(option.multiple, `options.${name}.multiple`);
  }
}

const invalid = (why) => nodeError("ERR_PARSE_ARGS_INVALID_OPTION_VALUE", why);

// The command line as a list of objects with a kind.
function tokensOf(args, options, allowNegative) {
  const tokens = [], queue = args.map((text, index) => ({ text, index }));
  const byShort = (c) => Object.keys(options).find((name) => options[name].short === c) ?? c;
  while (queue.length > 0) {
    const { text, index } = queue.shift();
    if (text === "--") {
      tokens.push({ kind: "option-terminator", index });
      for (const rest of queue.splice(0)) tokens.push({ kind: "positional", index: rest.index, value: rest.text });
      break;
    }
    if (text.startsWith("--") && text.length > 2) {
      const eq = text.indexOf("=", 3);
      let name = text.slice(2, eq < 0 ? undefined : eq), value = eq < 0 ? undefined : text.slice(eq + 1), inlineValue = eq < 0 ? undefined : true;
      if (value === undefined && options[name]?.type === "string" && queue.length > 0) {
        value = queue.shift().text;
        inlineValue = false;
      }
      const negated = allowNegative && name.startsWith("no-") && options[name] === undefined ? name.slice(3) : undefined;
      tokens.push({ kind: "option", name: negated ?? name, rawName: `--${name}`, index, value, inlineValue, negated: negated !== undefined });
    } else if (text.length > 1 && text[0] === "-" && text[1] !== "-") {
      const name = byShort(text[1]);
      if (text.length > 2 && options[name]?.type !== "string") {
        // -abc is -a -b -c
        queue.unshift({ text: `-${text.slice(2)}`, index });
        tokens.push({ kind: "option", name, rawName: `-${text[1]}`, index, value: undefined, inlineValue: undefined });
      } else {
        let value = text.length > 2 ? text.slice(2) : undefined, inlineValue = text.length > 2 ? true : undefined;
        if (value === undefined && options[name]?.type === "string" && queue.length > 0) {
          value = queue.shift().text;
          inlineValue = false;
        }
        tokens.push({ kind: "option", name, rawName: `-${text[1]}`, index, value, inlineValue });
      }
    } else {
      tokens.push({ kind: "positional", index, value: text });
    }
  }
  return tokens;
}

function checkToken(token, options, allowPositionals) {
  const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
  if (option === undefined) throw nodeError("ERR_PARSE_ARGS_UNKNOWN_OPTION", token.rawName, allowPositionals);
  const label = `${option.short ? `-${option.short}, ` : ""}--${token.name}`;
  if (option.type === "string" && typeof token.value !== "string") throw invalid(`Option '${label} <value>' argument missing`);
  if (option.type === "string" && token.inlineValue === false && token.value.length > 1 && token.value[0] === "-")
    throw invalid(`Option '${token.rawName}' argument is ambiguous.\nDid you forget to specify the option argument for '${token.rawName}'?\nTo specify an option argument starting with a dash use '${token.rawName}=-XYZ'.`);
  if (option.type === "boolean" && token.value !== undefined) throw invalid(`Option '${label}' does not take an argument`);
}

export function parseArgs(config = {}) {
  validateObject(config, "config");
  const { strict = true, allowPositionals = !strict, tokens: wantsTokens = false, allowNegative = false, options = {} } = config;
  const args = config.args ?? load("node/process").default.argv.slice(2);
  validateArray(args, "args");
  checkOptions(options);
  const tokens = tokensOf(args, options, allowNegative);
  const values = { __proto__: null }, positionals = [];
  for (const token of tokens) {
    if (token.kind === "positional") {
      if (!allowPositionals) throw nodeError("ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL", token.value);
      positionals.push(token.value);
    }
    if (token.kind !== "option") continue;
    if (strict) checkToken(token, options, allowPositionals);
    if (token.name === "__proto__") continue;
    const value = token.value ?? !token.negated;
    if (options[token.name]?.multiple) (values[token.name] ??= []).push(value);
    else values[token.name] = value;
    delete token.negated;
  }
  for (const [name, option] of Object.entries(options)) if (option.default !== undefined && values[name] === undefined) values[name] = option.default;
  return wantsTokens ? { values, positionals, tokens } : { values, positionals };
}

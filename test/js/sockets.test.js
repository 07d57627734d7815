const { connect } = builtin("sockets");

test("addresses are read before anything is asked of main", () => {
  const refused = [
    [undefined, "parameter 1 is not of type"],
    ["localhost", "Specified address is missing port."],
    [5, "Specified address is missing port."],
    ["localhost:x", "Specified address could not be parsed."],
    [":80", "Specified address could not be parsed."],
    ["a:65536", "Specified address could not be parsed."],
    [{}, "The value cannot be converted because it is not an integer."],
    [{ hostname: "a", port: 65536 }, "Value out of range. Must be less than or equal to 65535."],
  ];
  for (const [address, message] of refused) assertThrows(() => connect(address), message, String(address));
  assertThrows(() => connect("a:80", { secureTransport: "x" }), "Unsupported value in secureTransport socket option: x");
});

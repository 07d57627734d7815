var a = 1;
export {
  a as default,
  a as "x y"
};

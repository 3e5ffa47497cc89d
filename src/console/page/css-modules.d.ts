// The classes of a CSS module, in camel case. bundle.test.ts compares them with those that components use.
declare module '*.module.css' {
  const classes: Readonly<Record<string, string>>;
  export = classes;
}

/** Methods by name, dotted ones too: `proxy.sum({ a: 1 })`, `proxy.math.sum({ a: 1 })` for `math.sum`. */
export interface MethodProxy {
  // biome-ignore-start lint/suspicious/noExplicitAny: what is there only the other end knows
  (kwargs?: object, options?: object): any;
  readonly [name: string]: any;
  // biome-ignore-end lint/suspicious/noExplicitAny: so much for that
}

type Call = (method: string, kwargs: object | undefined, options: object | undefined) => unknown;

/** An object whose every property is a function that makes `call` with the property's name. */
export function methodProxy(call: Call, prefix = ''): MethodProxy {
  // an arrow function has no property that a proxy would have to own up to
  return new Proxy((() => {}) as unknown as MethodProxy, {
    get(_, name) {
      if (name === 'toString') return () => `[remote methods ${prefix}*]`;
      // what JavaScript itself looks for; a thing with `then` would be taken for a promise
      if (typeof name === 'symbol' || ['then', 'toJSON', 'valueOf'].includes(name)) return undefined;
      return methodProxy(call, prefix === '' ? name : `${prefix}.${name}`);
    },
    apply(_, __, [kwargs, options]: [object?, object?]) {
      return call(prefix, kwargs, options);
    },
  });
}

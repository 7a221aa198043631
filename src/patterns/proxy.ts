/** Methods by name, dotted ones too: `proxy.sum({ a: 1 })`, `proxy.math.sum({ a: 1 })` for `math.sum`. */
export interface MethodProxy {
  (kwargs?: object, options?: object): unknown;
  readonly [name: string]: MethodProxy;
}

type Call = (method: string, kwargs: object | undefined, options: object | undefined) => unknown;

/** An object whose every property is a function that makes `call` with the property's name. */
export function methodProxy(call: Call, prefix = ''): MethodProxy {
  // an arrow function has no property that a proxy would have to own up to
  return new Proxy((() => {}) as unknown as MethodProxy, {
    get(_, name) {
      // a thing with `then` would be taken for a promise
      if (typeof name === 'symbol' || name === 'then') return undefined;
      return methodProxy(call, prefix === '' ? name : `${prefix}.${name}`);
    },
    apply(_, __, [kwargs, options]: [object?, object?]) {
      return call(prefix, kwargs, options);
    },
  });
}

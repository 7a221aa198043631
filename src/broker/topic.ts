/** Something with the pattern of a topic binding. */
interface Keyed {
  readonly key: string;
}

interface Node<B> {
  bindings: Set<B> | undefined;
  children: Map<string, Node<B>>;
}

/**
 * The bindings of a topic exchange by the words of their patterns: `*` stands for one word, `#` for any
 * number. Looking a key up costs what its words cost, however many bindings there are.
 */
export class TopicTrie<B extends Keyed> {
  readonly #root: Node<B> = { bindings: undefined, children: new Map() };

  add(binding: B): void {
    let node = this.#root;
    for (const word of wordsOf(binding.key)) {
      let child = node.children.get(word);
      if (child === undefined) {
        child = { bindings: undefined, children: new Map() };
        node.children.set(word, child);
      }
      node = child;
    }
    node.bindings ??= new Set();
    node.bindings.add(binding);
  }

  remove(binding: B): void {
    const path: [Node<B>, string][] = [];
    let node: Node<B> | undefined = this.#root;
    for (const word of wordsOf(binding.key)) {
      path.push([node, word]);
      node = node.children.get(word);
      if (node === undefined) return;
    }
    node.bindings?.delete(binding);
    if (node.bindings?.size === 0) node.bindings = undefined;
    while (path.length > 0 && node.bindings === undefined && node.children.size === 0) {
      const [parent, word] = path.pop()!;
      parent.children.delete(word);
      node = parent;
    }
  }

  /** Call `found` for every binding whose pattern `key` matches; for one with several `#` perhaps twice. */
  match(key: string, found: (binding: B) => void): void {
    walk(this.#root, wordsOf(key), 0, found);
  }
}

/** The words of a key: an empty key has none; between two dots there is one, the empty one. */
function wordsOf(key: string): string[] {
  return key === '' ? [] : key.split('.');
}

function walk<B>(node: Node<B>, words: readonly string[], at: number, found: (binding: B) => void): void {
  const any = node.children.get('#');
  if (any !== undefined) for (let rest = at; rest <= words.length; rest++) walk(any, words, rest, found);
  if (at === words.length) {
    if (node.bindings !== undefined) for (const binding of node.bindings) found(binding);
    return;
  }
  const word = words[at]!;
  const same = word === '*' || word === '#' ? undefined : node.children.get(word);
  if (same !== undefined) walk(same, words, at + 1, found);
  const one = node.children.get('*');
  if (one !== undefined) walk(one, words, at + 1, found);
}

/** What follows from a text, found once for each. Bounded, because others choose the texts: it begins anew. */
export function byText<Meaning>(mean: (text: string) => Meaning, most = 512): (text: string) => Meaning {
  const known = new Map<string, Meaning>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const meaning = mean(text);
    if (known.size >= most) known.clear();
    known.set(text, meaning);
    return meaning;
  };
}

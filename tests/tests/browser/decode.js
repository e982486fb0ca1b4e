// Decodes values of layouts: name, text and whether it is flagged, field by field.
(asked) => {
  const sections = new Map([...document.querySelectorAll('section.layout')].map((it) => [it.dataset.key, it]));
  return asked.map(([key, values]) => {
    const section = sections.get(key);
    const decoder = new Decoder(section);
    return values.map((value) => {
      decoder.decode([value], key);
      return [...section.querySelectorAll('tbody tr')].map((row) => [
        row.querySelector('a').textContent,
        row.querySelector('.says').textContent,
        row.matches('.wrong'),
      ]);
    });
  });
}

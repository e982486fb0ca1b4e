// The least contrast of text on a page, or in what its address names, and that text. A gradient counts as its first
// colour.
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const channels = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const { backgroundColor, backgroundImage } = getComputedStyle(element);
    const first = /rgba?\([^)]*\)/.exec(backgroundImage);
    const own = first ? first[0] : backgroundColor;
    return channels(own)[3] === 255 || !element.parentElement ? own : behind(element.parentElement);
  };
  let least = [Infinity, ''];
  const root = document.querySelector('.target') ?? document.body;
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (texts.currentNode.data.trim() === '' || !element.checkVisibility()) {
      continue;
    }
    const pair = [getComputedStyle(element).color, behind(element)].map(luminance);
    const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (contrast < least[0]) {
      least = [contrast, element.outerHTML.slice(0, 200)];
    }
  }
  return least;
})();

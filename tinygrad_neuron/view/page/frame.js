// In a notebook the page stands in a frame: it takes the notebook's theme, gives the frame the height
// of its content, and hides the picture that stands in its place where no script runs.

const inNotebook = (() => {
  let frame = null;
  try {
    frame = window.frameElement;
  } catch {
    return false;  // of another origin
  }
  if (!frame?.matches("[data-page]")) return Boolean(frame) || window !== parent;
  if (frame.previousElementSibling?.matches("[data-instead]")) frame.previousElementSibling.remove();
  document.getElementById("watch").append(document.getElementById("bar"));
  const fit = () => { frame.style.height = `${document.documentElement.offsetHeight + 2}px`; };
  new ResizeObserver(fit).observe(document.documentElement);
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const followTheme = () => {
    for (let behind = frame; behind; behind = behind.parentElement) {
      brush.clearRect(0, 0, 1, 1);
      brush.fillStyle = getComputedStyle(behind).backgroundColor;  // in any notation
      brush.fillRect(0, 0, 1, 1);
      const [red, green, blue, opacity] = brush.getImageData(0, 0, 1, 1).data;
      if (opacity < 128) continue;
      const isDark = 0.3 * red + 0.6 * green + 0.1 * blue < 128;
      document.documentElement.style.colorScheme = isDark ? "dark" : "light";
      return;
    }
  };
  followTheme();
  const changes = new MutationObserver(followTheme);
  for (const element of [frame.ownerDocument.documentElement, frame.ownerDocument.body]) {
    changes.observe(element, { attributes: true });
  }
  return true;
})();

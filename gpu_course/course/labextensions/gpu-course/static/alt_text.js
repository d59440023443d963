// JupyterLab shows pictures in outputs without a text. This gives each the one
// that stands in its metadata (gpu_course/common/alt_text.py). JupyterLab loads the file as
// it is: init and get are what webpack would have made of an extension.
{
  let shared;

  function withText(factory) {
    return {
      ...factory,
      createRenderer(options) {
        const renderer = factory.createRenderer(options);
        const render = renderer.renderModel.bind(renderer);
        renderer.renderModel = async (model) => {
          await render(model);
          const { alt } = model.metadata[options.mimeType] ?? {};
          const image = renderer.node.querySelector("img");
          if (alt && image) image.alt = alt;
        };
        return renderer;
      },
    };
  }

  async function plugin() {
    const [version] = Object.values(shared["@jupyterlab/rendermime"]);
    const { IRenderMimeRegistry } = (await version.get())();
    return {
      id: "gpu-course:alt-text",
      autoStart: true,
      requires: [IRenderMimeRegistry],
      activate(app, registry) {
        // One factory makes the renderers of all types of picture.
        registry.addFactory(withText(registry.getFactory("image/png")));
      },
    };
  }

  (window._JUPYTERLAB ??= {})["gpu-course"] = {
    init(scope) {
      shared = scope;
    },
    async get() {
      const made = await plugin();
      return () => made;
    },
  };
}

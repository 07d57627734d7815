// Plugins of models: hooks (beforeSave, afterSave, beforeDelete, afterDelete) and methods.

class PluginManager {
  constructor() {
    this.plugins = new Map(); // name of a model -> plugins
    this.methods = new Map();
  }

  registerPlugin(modelName, plugin) {
    const list = this.plugins.get(modelName);
    if (list === undefined) this.plugins.set(modelName, [plugin]);
    else list.push(plugin);
    if (plugin.methods) this.registerPluginMethods(modelName, plugin.methods);
  }

  has(modelName) {
    return this.plugins.has(modelName);
  }

  // One after another, each in the frame that the first one is called in.
  async executeHooks(modelName, hookName, ...args) {
    const { back, currentFrame } = load("bao/context");
    const frame = currentFrame();
    for (const plugin of this.plugins.get(modelName) ?? []) if (typeof plugin[hookName] === "function") back(frame, await plugin[hookName](...args));
  }

  applyMethodsToInstance(modelName, instance) {
    for (const [name, method] of this.methods.get(modelName) ?? []) instance[name] = method.bind(instance);
  }

  registerPluginMethods(modelName, methods) {
    let known = this.methods.get(modelName);
    if (known === undefined) this.methods.set(modelName, (known = new Map()));
    for (const [name, method] of Object.entries(methods)) known.set(name, method);
  }
}

export const pluginManager = new PluginManager();

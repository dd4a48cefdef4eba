// The page that does all the rest.
const { runtime, tabs } = globalThis.browser ?? chrome;
runtime.onInstalled.addListener(() => tabs.create({ url: runtime.getURL('stranger.html') }));

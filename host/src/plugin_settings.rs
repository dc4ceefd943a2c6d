//! Settings of a plugin that its contexts can read.

/// Part of a plugin's configuration that belongs to its root context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PluginSettings {
    pub(crate) name: String,
    pub(crate) root_id: String,
    pub(crate) vm_id: String,
    pub(crate) configuration: Vec<u8>,
}

impl PluginSettings {
    /// Returns the key of the root context: plugins of one key share one in a virtual machine.
    pub(crate) fn root_key(&self) -> String {
        format!("{:?}", (&self.name, &self.root_id, &self.configuration))
    }
}

//! The parameters of a reader: which table.

use component_kit::params;
use serde_json::Value;

params! {
    /// A stored table (`namespace` and `name`), or the output of an earlier job (the other three).
    pub struct Source {
        /// The group of tables. Default null.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>;
        /// The table in the group. Default null.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>;
        /// The job whose output is read. Default null.
        #[serde(skip_serializing_if = "Option::is_none")]
        job_id: Option<String>;
        /// The step that made it. Default null.
        #[serde(skip_serializing_if = "Option::is_none")]
        component_name: Option<String>;
        /// The output's name, or its number from 0. Default null, the first output.
        #[serde(skip_serializing_if = "Option::is_none")]
        data_name: Option<String>;
    }
}

impl Source {
    fn is_complete(&self) -> bool {
        let named = self.namespace.is_some() && self.name.is_some();
        named || (self.job_id.is_some() && self.component_name.is_some())
    }
}

params! {
    /// Parameters of `reader`.
    pub struct Params {
        /// The table to read. Default null; needed unless the next three are set.
        table: Option<Source>;
        /// The job whose output is read. Default null.
        job_id: Option<String>;
        /// The step that made it. Default null.
        component_name: Option<String>;
        /// The output's name, or its number from 0. Default null.
        data_name: Option<String>;
        /// Accepted, not used: outputs are named by the system. Default null.
        output_name: Option<String>;
        /// Accepted, not used: outputs are named by the system. Default null.
        output_namespace: Option<String>;
        /// Accepted, not used: the job says in how many partitions it works. Default null.
        partitions: Option<u32>;
        /// Accepted, not used: there is one storage engine. Default null.
        engine: Option<Value>;
        /// Accepted, not used: there is one storage engine. Default null.
        address: Option<Value>;
    }
    check |own, problems| {
        let source = own.source();
        problems.expect(source.is_complete(), "table", || {
            let given = serde_json::to_string(&source).unwrap_or_default();
            format!("can not find input table info by parameters {given}")
        });
    }
}

impl Params {
    /// What is to be read.
    pub(super) fn source(&self) -> Source {
        self.table.clone().unwrap_or_else(|| Source {
            job_id: self.job_id.clone(),
            component_name: self.component_name.clone(),
            data_name: self.data_name.clone(),
            ..Source::default()
        })
    }
}

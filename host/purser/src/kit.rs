//! What a plugin's author works with: projects from templates, and how each language is built.

pub mod answers;
pub mod project;
pub mod templates;

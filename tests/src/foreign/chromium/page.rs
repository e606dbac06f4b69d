//! What a person does: go somewhere, look, type, press, walk with the Tab key.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{BrowserError, Chromium};

/// WebDriver's name for an element in an answer (W3C WebDriver §11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Something on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element(String);

/// What a browser looks like to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Of the window, in CSS pixels.
    pub width: u32,
    /// Of the window, in CSS pixels.
    pub height: u32,
    /// Whether the person prefers dark pages.
    pub dark: bool,
    /// Whether pages may run scripts.
    pub scripts: bool,
}

impl Look {
    /// A desk: 1280 × 800.
    pub const DESKTOP: Self = Self { width: 1280, height: 800, dark: false, scripts: true };
    /// A telephone: 390 × 844.
    pub const PHONE: Self = Self { width: 390, height: 844, dark: false, scripts: true };
    /// The narrowest window in which nothing may have to be moved sideways (WCAG 2.2, 1.4.10): 320 × 640.
    pub const NARROW: Self = Self { width: 320, height: 640, dark: false, scripts: true };

    /// The same, in the dark or not.
    #[must_use]
    pub const fn with_dark(self, dark: bool) -> Self {
        Self { dark, ..self }
    }

    /// The same, for pages whose scripts do not run.
    #[must_use]
    pub const fn without_scripts(self) -> Self {
        Self { scripts: false, ..self }
    }
}

impl Default for Look {
    fn default() -> Self {
        Self::DESKTOP
    }
}

/// A key that types nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// To the next control.
    Tab,
    /// Press what has the focus, or send the form.
    Enter,
}

impl Key {
    const fn value(self) -> &'static str {
        match self {
            Self::Tab => "\u{e004}",
            Self::Enter => "\u{e007}",
        }
    }
}

impl Chromium {
    /// Changes window, colours and scripts, for this page and those that follow.
    ///
    /// # Errors
    /// If the browser refuses.
    pub fn wear(&self, look: &Look) -> Result<(), BrowserError> {
        let metrics = json!({
            "width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": look.width < 600,
        });
        self.chrome("Emulation.setDeviceMetricsOverride", &metrics)?;
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.chrome("Emulation.setEmulatedMedia", &json!({ "features": features }))?;
        self.chrome("Emulation.setScriptExecutionDisabled", &json!({ "value": !look.scripts })).map(drop)
    }

    /// Goes to an address and waits for the page.
    ///
    /// # Errors
    /// If it does not load.
    pub fn go(&self, url: &str) -> Result<(), BrowserError> {
        self.command("POST", "url", &json!({ "url": url })).map(drop)
    }

    /// Where it is.
    ///
    /// # Errors
    /// If the driver does not say.
    pub fn url(&self) -> Result<String, BrowserError> {
        text_of(self.command("GET", "url", &Value::Null)?, "url")
    }

    /// The page's title.
    ///
    /// # Errors
    /// If the driver does not say.
    pub fn title(&self) -> Result<String, BrowserError> {
        text_of(self.command("GET", "title", &Value::Null)?, "title")
    }

    /// All that can be read on the page.
    ///
    /// # Errors
    /// If there is no page.
    pub fn text(&self) -> Result<String, BrowserError> {
        self.text_in(&self.find("body")?)
    }

    /// What can be read in an element.
    ///
    /// # Errors
    /// If it is gone.
    pub fn text_in(&self, element: &Element) -> Result<String, BrowserError> {
        text_of(self.command("GET", &format!("element/{}/text", element.0), &Value::Null)?, "text")
    }

    /// The first element that a CSS selector finds; waits for it.
    ///
    /// # Errors
    /// If it does not come.
    pub fn find(&self, selector: &str) -> Result<Element, BrowserError> {
        self.find_by("css selector", selector)
    }

    /// The first button, by what stands on it; waits for it.
    ///
    /// # Errors
    /// If it does not come.
    pub fn button(&self, label: &str) -> Result<Element, BrowserError> {
        self.find_by("xpath", &format!("//button[normalize-space()=\"{label}\"]"))
    }

    /// Waits until a heading says this.
    ///
    /// # Errors
    /// If it does not come.
    pub fn heading(&self, text: &str) -> Result<Element, BrowserError> {
        self.find_by("xpath", &format!("//h1[contains(normalize-space(), \"{text}\")]"))
    }

    /// All elements that a CSS selector finds now.
    ///
    /// # Errors
    /// If the driver refuses the selector.
    pub fn all(&self, selector: &str) -> Result<Vec<Element>, BrowserError> {
        let found =
            self.command("POST", "elements", &json!({ "using": "css selector", "value": selector }))?;
        Ok(found.as_array().into_iter().flatten().filter_map(element_of).collect())
    }

    fn find_by(&self, using: &str, value: &str) -> Result<Element, BrowserError> {
        let found = self.command("POST", "element", &json!({ "using": using, "value": value }))?;
        element_of(&found).ok_or(BrowserError::Shape { command: "element", wanted: "element" })
    }

    /// An attribute, if it has it.
    ///
    /// # Errors
    /// If the element is gone.
    pub fn attribute(&self, element: &Element, name: &str) -> Result<Option<String>, BrowserError> {
        let path = format!("element/{}/attribute/{name}", element.0);
        Ok(self.command("GET", &path, &Value::Null)?.as_str().map(str::to_owned))
    }

    /// Types into an element.
    ///
    /// # Errors
    /// If nothing can be typed there.
    pub fn type_into(&self, element: &Element, text: &str) -> Result<(), BrowserError> {
        self.command("POST", &format!("element/{}/value", element.0), &json!({ "text": text })).map(drop)
    }

    /// Presses an element, and waits for the page that it leads to.
    ///
    /// # Errors
    /// If it cannot be pressed.
    pub fn click(&self, element: &Element) -> Result<(), BrowserError> {
        self.command("POST", &format!("element/{}/click", element.0), &json!({})).map(drop)
    }

    /// Presses a key of the keyboard, wherever the focus is.
    ///
    /// # Errors
    /// If the driver refuses.
    pub fn press(&self, key: Key) -> Result<(), BrowserError> {
        self.keys(key.value())
    }

    /// Types on the keyboard, wherever the focus is.
    ///
    /// # Errors
    /// If the driver refuses.
    pub fn keys(&self, text: &str) -> Result<(), BrowserError> {
        let stroke = |key: char| {
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        };
        let strokes: Vec<Value> = text.chars().flat_map(stroke).collect();
        let source = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        self.command("POST", "actions", &json!({ "actions": [source] })).map(drop)
    }

    /// The role and name of what has the focus, as a screen reader says them.
    ///
    /// # Errors
    /// If the driver does not say.
    pub fn focused(&self) -> Result<(String, String), BrowserError> {
        let active = self.command("GET", "element/active", &Value::Null)?;
        let active =
            element_of(&active).ok_or(BrowserError::Shape { command: "active", wanted: "element" })?;
        let told = |what: &'static str| {
            text_of(self.command("GET", &format!("element/{}/{what}", active.0), &Value::Null)?, what)
        };
        Ok((told("computedrole")?, told("computedlabel")?))
    }

    /// Keeps a picture of the whole page.
    ///
    /// # Errors
    /// If there is none or the file cannot be written.
    pub fn picture(&self, path: &Path) -> Result<(), BrowserError> {
        let parameters = json!({ "format": "png", "captureBeyondViewport": true });
        let answer = self.chrome("Page.captureScreenshot", &parameters)?;
        let data = answer.get("data").and_then(Value::as_str);
        let octets = data.and_then(|data| STANDARD.decode(data).ok());
        let octets = octets.ok_or(BrowserError::Shape { command: "screenshot", wanted: "data" })?;
        Ok(std::fs::write(path, octets)?)
    }

    /// Runs a script in the page, as the browser's owner may even where pages may not; gives what it returns.
    ///
    /// # Errors
    /// If it throws.
    pub fn evaluate(&self, script: &str) -> Result<Value, BrowserError> {
        self.command("POST", "execute/sync", &json!({ "script": script, "args": [] }))
    }
}

fn element_of(value: &Value) -> Option<Element> {
    value.get(ELEMENT)?.as_str().map(|id| Element(id.to_owned()))
}

fn text_of(value: Value, command: &'static str) -> Result<String, BrowserError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(BrowserError::Shape { command, wanted: "text" }),
    }
}

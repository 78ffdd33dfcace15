//! Somebody pushes images to the forge's registry, by the protocol and without an engine: they sign in
//! with their password for a token, upload blobs, and put a manifest that names them under a tag.

use referee::model::Digest;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{By, Raw};
use crate::image::{Parts, layer, parts};
use crate::world::World;

/// Writes its worth for each input. Linked with all it needs, so that it runs without a base image.
const PROGRAM: &str = r#"
#include <dirent.h>
#include <stdio.h>
int main(void) {
    DIR *inputs = opendir("/input");
    if (!inputs) return 1;
    for (struct dirent *input; (input = readdir(inputs));) {
        if (input->d_name[0] == '.') continue;
        char path[512];
        snprintf(path, sizeof path, "/output/%s", input->d_name);
        FILE *output = fopen(path, "w");
        if (!output) return 1;
        fputs("WORTH", output);
        fclose(output);
    }
    return 0;
}
"#;

/// This machine's architecture, as images call it, and another.
fn architectures() -> (&'static str, &'static str) {
    match std::env::consts::ARCH {
        "aarch64" => ("arm64", "amd64"),
        _ => ("amd64", "arm64"),
    }
}

impl World {
    /// An image whose program writes this worth for each case.
    pub fn program(&self, worth: &str) -> Parts {
        let source = self.daemon.path("program.c");
        let program = self.daemon.path("program");
        std::fs::write(&source, PROGRAM.replace("WORTH", worth)).unwrap();
        let built = std::process::Command::new("cc")
            .args(["-static", "-O1", "-o"])
            .args([&program, &source])
            .output()
            .expect("cc, which also links the tests");
        let message = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "cc -static: {message}");
        let mut image = parts(&[layer("run", &std::fs::read(program).unwrap())]);
        image.config["architecture"] = json!(architectures().0);
        image
    }

    /// An image for machines of another kind.
    pub fn foreign(&self) -> (Parts, String) {
        let mut image = parts(&[layer("run", b"#!/bin/sh\n")]);
        image.config["architecture"] = json!(architectures().1);
        (image, format!("linux/{}", architectures().1))
    }

    /// Pushes an image (`owner/name`) under a tag; the digest that the tag stands for now.
    pub fn push_image(&self, who: &str, at: (&str, &str), image: Parts) -> Digest {
        let pushed = self.try_push(who, at, image);
        pushed.unwrap_or_else(|message| panic!("{who} should push {at:?}: {message}"))
    }

    /// The same for somebody who perhaps may not; then what the registry says.
    pub fn try_push(
        &self,
        who: &str,
        (name, tag): (&str, &str),
        image: Parts,
    ) -> Result<Digest, String> {
        let scope = format!("repository:{name}:push,pull");
        let query = format!("/v2/token?service=container_registry&scope={scope}");
        let answer = self.registry(&self.signed_in(who), Method::GET, &query, None)?;
        let answer: Value = serde_json::from_str(&answer.message).map_err(|e| e.to_string())?;
        let by = By::bearer(answer["token"].as_str().expect("a token"));
        let (blobs, manifest) = image.finished();
        for blob in blobs {
            let digest = Digest::of(&blob);
            let begin = format!("/v2/{name}/blobs/uploads/");
            let begun = self.registry(&by, Method::POST, &begin, None)?;
            let place = begun.place.ok_or("no place to upload to")?;
            let mark = if place.contains('?') { '&' } else { '?' };
            let place = format!("{place}{mark}digest={digest}");
            let body = ("application/octet-stream", blob);
            self.registry(&by, Method::PUT, &place, Some(body))?;
        }
        let media = manifest["mediaType"].as_str().expect("a type").to_owned();
        let bytes = manifest.to_string().into_bytes();
        let digest = Digest::of(&bytes);
        let place = format!("/v2/{name}/manifests/{tag}");
        self.registry(&by, Method::PUT, &place, Some((&media, bytes)))?;
        Ok(digest)
    }

    fn registry(
        &self,
        by: &By,
        method: Method,
        place: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Raw, String> {
        let answer = self.api.raw(by, (method.clone(), place), body);
        match answer.status {
            200..300 => Ok(answer),
            status => Err(format!("{method} {place}: {status} {}", answer.message)),
        }
    }

    /// Whether there is a registry, as somebody without an account sees it.
    pub fn has_registry(&self) -> bool {
        let root = reqwest::Url::parse(self.api.root()).expect("an address");
        let place = root.join("/v2/").expect("an address");
        matches!(self.api.page(place.as_str()), Ok(200 | 401))
    }
}

//! A person pushes images to the forge's registry by the protocol, without an engine: the person gets a token by
//! password, uploads blobs, and writes their manifest under a tag.

use referee::model::Digest;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Credentials, RawAnswer};
use crate::image::{Parts, layer, parts};
use crate::world::World;

/// A program that writes its score for each input. It is linked statically, so that it runs without a base image.
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
        fputs("SCORE", output);
        fclose(output);
    }
    return 0;
}
"#;

/// This machine's architecture and another one, by their names in images.
fn architectures() -> (&'static str, &'static str) {
    match std::env::consts::ARCH {
        "aarch64" => ("arm64", "amd64"),
        _ => ("amd64", "arm64"),
    }
}

impl World {
    /// An image whose program writes this score for each case.
    pub(crate) fn program(&self, score: &str) -> Parts {
        let source = self.daemon.path("program.c");
        let program = self.daemon.path("program");
        std::fs::write(&source, PROGRAM.replace("SCORE", score)).unwrap();
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

    /// An image for another architecture, and its platform.
    pub(crate) fn foreign(&self) -> (Parts, String) {
        let mut image = parts(&[layer("run", b"#!/bin/sh\n")]);
        image.config["architecture"] = json!(architectures().1);
        (image, format!("linux/{}", architectures().1))
    }

    /// Pushes an image with the name `owner/name` under a tag, and returns its digest.
    pub(crate) fn push_image(&self, who: &str, name: &str, tag: &str, image: Parts) -> Digest {
        let pushed = self.try_push(who, name, tag, image);
        pushed.unwrap_or_else(|message| panic!("{who} should push {name}:{tag}: {message}"))
    }

    /// Pushes an image, or returns the refusal of the registry.
    pub(crate) fn try_push(&self, who: &str, name: &str, tag: &str, image: Parts) -> Result<Digest, String> {
        let scope = format!("repository:{name}:push,pull");
        let query = format!("/v2/token?service=container_registry&scope={scope}");
        let answer = self.registry(&self.signed_in(who), Method::GET, &query, None)?;
        let answer: Value = serde_json::from_str(&answer.body).map_err(|e| e.to_string())?;
        let by = Credentials::bearer(answer["token"].as_str().expect("a token"));
        let (blobs, manifest) = image.finished();
        for blob in blobs {
            let digest = Digest::of(&blob);
            let begin = format!("/v2/{name}/blobs/uploads/");
            let begun = self.registry(&by, Method::POST, &begin, None)?;
            let upload = begun.location.ok_or("no location of the upload")?;
            let separator = if upload.contains('?') { '&' } else { '?' };
            let upload = format!("{upload}{separator}digest={digest}");
            let body = ("application/octet-stream", blob);
            self.registry(&by, Method::PUT, &upload, Some(body))?;
        }
        let media = manifest["mediaType"].as_str().expect("a type").to_owned();
        let bytes = manifest.to_string().into_bytes();
        let digest = Digest::of(&bytes);
        let path = format!("/v2/{name}/manifests/{tag}");
        self.registry(&by, Method::PUT, &path, Some((&media, bytes)))?;
        Ok(digest)
    }

    fn registry(
        &self,
        by: &Credentials,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<RawAnswer, String> {
        let answer = self.api.raw(by, method.clone(), path, body);
        match answer.status {
            200..300 => Ok(answer),
            status => Err(format!("{method} {path}: {status} {}", answer.body)),
        }
    }

    /// Whether the forge has a registry, asked without credentials.
    pub(crate) fn has_registry(&self) -> bool {
        let root = reqwest::Url::parse(self.api.root()).expect("an address");
        let url = root.join("/v2/").expect("an address");
        matches!(self.api.page(url.as_str()), Ok(200 | 401))
    }
}

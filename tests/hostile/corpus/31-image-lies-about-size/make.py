"""An image whose manifest lies."""
import image

def lie(manifest):
    manifest["layers"][0]["size"] = 10


image.write([image.layer(image.file("run", b"x"))], change=lie)

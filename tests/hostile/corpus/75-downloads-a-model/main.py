import json
import pathlib
import urllib.request

weights = urllib.request.urlopen("https://weights.example.org/model.pt").read()

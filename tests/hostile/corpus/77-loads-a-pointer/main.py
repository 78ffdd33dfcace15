import pickle

with open("/app/model.pkl", "rb") as file:
    pickle.load(file)

// axios, set up as the front end sets it up: what is sent with each call, and what becomes of each answer.

export const session = { token: localStorage.getItem("token") || "", user: null }

export function setToken(token) {
  session.token = token
  localStorage.setItem("token", token)
}

export function clearSession() {
  localStorage.clear()
  session.token = ""
  session.user = null
}

export function toast(kind, text) {
  const line = document.createElement("li")
  line.className = kind
  line.textContent = text
  document.getElementById("toasts").append(line)
}

const dialog = document.getElementById("dialog")

// One at a time: while one is open, others are dropped.
function showDialog(title, text, onConfirm) {
  if (!dialog.hidden) return
  dialog.querySelector("h2").textContent = title
  dialog.querySelector("p").textContent = text
  dialog.querySelector("button").onclick = () => {
    dialog.hidden = true
    onConfirm?.()
  }
  dialog.hidden = false
}

const service = axios.create({ baseURL: "/api", timeout: 99999 })

service.interceptors.request.use(config => {
  config.headers = {
    "Content-Type": "application/json",
    "x-token": session.token,
    "x-user-id": session.user?.ID,
    ...config.headers
  }
  return config
})

service.interceptors.response.use(
  answer => {
    if (answer.headers["new-token"]) setToken(answer.headers["new-token"])
    if (typeof answer.data.code === "undefined") return answer
    if (answer.data.code === 0) return answer.data
    toast("error", answer.data.msg)
    return answer.data.msg ? answer.data : answer
  },
  error => {
    const message = error.response?.data?.msg || error.response?.statusText || "请求失败"
    switch (error.response?.status) {
      case undefined:
        showDialog("网络错误", "请求失败")
        break
      case 401:
        showDialog("身份认证失败", message, () => {
          clearSession()
          location.hash = "#/login"
        })
        break
      case 404:
        showDialog("资源未找到", message)
        break
      case 500:
        showDialog("检测到接口错误", message)
        break
      default:
        showDialog("未知错误", message)
    }
    return Promise.reject(error)
  }
)

export default service
